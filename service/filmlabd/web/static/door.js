// The token stands behind the # of the link, which no server ever sees. It becomes a cookie, and leaves the address.
const said = document.getElementById("said");
const token = location.hash.slice(1);

async function enter() {
  if (!token) {
    // Perhaps the cookie was only not sent along, because the link was followed from another site.
    if ((await fetch("/api/lab", { method: "HEAD" })).ok) location.reload();
    return;
  }
  const answer = await fetch("/enter", {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token }),
  });
  if (answer.ok) {
    location.replace(location.pathname === "/enter" ? "/" : location.pathname + location.search);
    return;
  }
  history.replaceState(null, "", location.pathname + location.search);
  said.textContent = "That link is from an earlier `filmlab show`. Open the one that it printed last.";
}

enter().catch(() => { said.textContent = "filmlab show does not answer."; });
