"""`filmlab top` beside a run that lives."""

from e2e.house import House
from patience import PATIENCE_S

PROGRAM = """
    import sys, filmlab

    run = filmlab.init(project="play", name="alive", schedule="never", total_episodes=9)
    for episode in range(3):
        run.log({"loss": 1.0}, step=episode)
        run.log_episode(return_=float(episode), length=5)
    run.flush()
    print("ready", flush=True)
    sys.stdin.readline()
    run.finish()
"""


def test_beside_a_run_that_lives(house: House) -> None:
    """A living run is seen with what it has done, and its daemon with it; when it is over, it is over there too."""
    trainer = house.trainer(PROGRAM)
    assert trainer.stdin is not None and trainer.stdout is not None
    while trainer.stdout.readline().strip() != "ready":
        assert trainer.poll() is None
    shown = house.command("top", "--once").splitlines()
    assert shown[0].startswith("filmlab  1 alive · 0 over")
    assert shown[1].startswith("daemon queue ")
    assert "● alive" in shown[4]
    assert "3/9" in shown[4]
    trainer.communicate("\n", timeout=PATIENCE_S)
    house.wait_printed()
    assert "✓ alive" in house.command("top", "--once")
