// What is asked of the server, and what it tells by itself.

/** A refusal in the server's own words. */
class Refused extends Error {}

async function checked(answer) {
  if (answer.ok) return answer;
  let reason = `the page answered ${answer.status}`;
  try { reason = (await answer.json()).error ?? reason; } catch { /* It had no words for it. */ }
  throw new Refused(answer.status === 401 ? "this browser is not let in any more: open the link of `filmlab show`" : reason);
}

/** A document. @param {AbortSignal} [signal] */
export async function get(path, signal) {
  return (await checked(await fetch(path, { signal }))).json();
}

/** Raw numbers. @param {AbortSignal} [signal] */
export async function getBuffer(path, signal) {
  return (await checked(await fetch(path, { signal }))).arrayBuffer();
}

/** Something that changes what the lab does. */
export async function post(path, body) {
  return (await checked(await fetch(path, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  }))).json();
}

/**
 * Hear of what is new while the page is seen. A hidden tab listens to nothing: browsers allow six connections to a
 * server, for all of their tabs together.
 * @param {string} query `topic=…`
 * @param {(document: any) => void} heard
 * @param {(state: "on" | "off" | "away") => void} stands
 */
export function listen(query, heard, stands) {
  let source = null;
  const open = () => {
    if (source || document.hidden) return;
    source = new EventSource(`/api/events?${query}`);
    source.onopen = () => stands("on");
    source.onerror = () => {
      stands("off");
      if (source?.readyState === EventSource.CLOSED) { close(); setTimeout(open, 2000); }
    };
    source.onmessage = (event) => heard(JSON.parse(event.data));
  };
  const close = () => { source?.close(); source = null; };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { close(); stands("away"); } else open();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
}
