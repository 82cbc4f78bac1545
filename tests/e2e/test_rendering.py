"""What a run asks of its clips, and gets: formats, an overlay, posters, and curves that go on where they were."""

from PIL import Image

from e2e.house import House

TRAINER = """
    import filmlab, numpy as np
    run = filmlab.init(project="p", name="walk", schedule="always", formats=("gif", "webp"), overlay="step")
    for episode in range(2):
        with run.episode() as shooting:
            for step in range(6):
                frame = np.full((120, 160, 3), 255, np.uint8)
                frame[40:80, 10 * step : 10 * step + 40] = (200, 30, 30)
                shooting.step(action=step, reward=1.0, frame=frame)
    run.log({"walk": filmlab.Video([frame, frame // 2])}, step=1)
    for step in range(1200):
        run.log({"loss": 1 / (step + 1)}, step=step)
        if step == 700:
            assert run.flush(60)
    run.finish()
"""


def test_formats_overlay_and_posters(house: House) -> None:
    """Every clip is there in both formats with its poster; the strip is under the episodes, not under the media."""
    house.daemon()
    house.train(TRAINER)
    house.wait_printed()
    directory = house.run_dir()
    stems = ["episodes/episode_000000", "episodes/episode_000001", "media/walk_1"]
    ends = (".gif", ".webp", ".poster.webp")
    sizes = {}
    for stem in stems:
        for end in ends:
            with Image.open(directory / f"{stem}{end}") as clip:
                sizes[stem, end] = clip.size
    assert {sizes[stems[0], end] for end in ends} == {sizes[stems[0], ".gif"]}
    assert sizes[stems[0], ".gif"][1] > 120
    assert sizes[stems[2], ".gif"] == (160, 120)
    assert house.json("episodes/episode_000001.json")["frame_count"] == 6
    page = (directory / "index.html").read_text()
    assert 'src="episodes/episode_000001.gif"' in page
    assert 'href="episodes/episode_000001.webp"' in page
    with house.read() as index:
        assert not index.failures()
        (points,) = index.points(index.runs()[0].run_id, "loss")
        assert len(points.value) == 1200
    assert (directory / "curves/loss.svg").exists()
