// The token stands behind the # of the link, which no server ever sees. It becomes a cookie, and leaves the address.
const said = document.getElementById("said");

async function enter() {
  const token = location.hash.slice(1);
  if (!token) return;
  const answer = await fetch("/enter", {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token }),
  });
  if (answer.ok) {
    history.replaceState(null, "", location.pathname + location.search);
    location.reload();
    return;
  }
  history.replaceState(null, "", location.pathname + location.search);
  said.textContent = "That link is from an earlier `filmlab show`. Open the one that it printed last.";
}

const tryIt = () => enter().catch(() => { said.textContent = "filmlab show does not answer."; });
// The link pasted into the address of this very page changes only what stands behind the #.
addEventListener("hashchange", tryIt);
tryIt();
