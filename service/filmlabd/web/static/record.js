// What a living run records from here on: asked for with a click, and what comes of it.
import { el, replace } from "./dom.js";
import { get, post } from "./net.js";
import { number } from "./words.js";

export class Record {
  /** @param {string} run */
  constructor(run) {
    this.run = run;
    this.said = el("p.said", { role: "status" });
    this.error = el("pre.problem", { hidden: true, role: "alert" });
    this.force = el("div.force");
    this.inForce = "";
    this.many = el("input", { type: "number", min: 1, max: 1000, value: 5, "aria-label": "How many episodes" });
    this.schedule = el("input", { type: "text", size: 30, spellcheck: "false", autocomplete: "off", "aria-label": "Capture schedule" });
    this.controls = el("div.controls", {},
      el("button.button.main", { type: "button", onclick: () => this.ask({ next: 1 }) }, "Record the next episode"),
      el("form.inline", { onsubmit: (event) => { event.preventDefault(); this.ask({ next: this.many.valueAsNumber }); } }, el("button.button", {}, "Record the next"), this.many, el("span.dim", {}, "episodes")),
      el("form.inline", { onsubmit: (event) => { event.preventDefault(); this.ask({ schedule: this.schedule.value.trim() }); } }, el("label.field", {}, el("span", {}, "Schedule"), this.schedule), el("button.button", {}, "Change")),
      this.cancel = el("button.button", { type: "button", hidden: true, onclick: () => this.ask({ cancel: true }) }, "Forget what was asked for"));
    this.node = el("section#record", { "aria-label": "Recording" }, el("h2", {}, "Recording"), el("div.card.pad", {}, this.controls, this.error, this.said, this.force));
  }

  /** Look again at what is in force. */
  async refresh() {
    try { this.show(await get(`/api/runs/${this.run}/plan`)); } catch (error) { this.fail(error); }
  }

  async ask(changes) {
    this.error.hidden = true;
    this.said.textContent = "";
    try {
      this.show(await post(`/api/runs/${this.run}/record`, changes));
      this.said.textContent = saying(changes);
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error) {
    this.error.textContent = error.message;
    this.error.hidden = false;
  }

  show(plan) {
    this.controls.hidden = !plan.alive;
    if (plan.said && plan.said !== "changed") this.said.textContent = plan.said;
    // What somebody is writing stays, also while the button has the focus and episodes go by.
    if (this.schedule.value.trim() === this.inForce) this.schedule.value = plan.schedule;
    this.inForce = plan.schedule;
    this.cancel.hidden = !plan.next && !plan.wanted;
    const asked = [plan.next ? `the next ${plan.next === 1 ? "episode" : `${number(plan.next)} episodes`}` : "", plan.wanted ? `episodes ${plan.wanted}` : ""].filter(Boolean);
    replace(this.force, el("p", {}, plan.alive ? "In force: " : "Was in force: ", el("code", {}, plan.schedule), el("span.dim", {}, ` plan ${plan.version}`)),
      asked.length ? el("p.asked", {}, `Asked for by ${plan.by || "somebody"}: ${asked.join(", ")}`) : null,
      plan.coming.map((writer) => coming(writer, plan.coming.length > 1)));
  }
}

function coming(writer, several) {
  const whose = several ? `${writer.writer}: ` : "";
  if (!writer.episodes.length) return el("p.dim", {}, `${whose}no coming episode is captured by its number`);
  return el("p.coming", {}, el("span.dim", {}, `${whose}episode ${number(writer.next)} is next; to be recorded: `),
    writer.episodes.map((item) => el("span.tag", { title: item.why }, `${number(item.episode)} `, el("small", {}, item.why))));
}

function saying(changes) {
  if (changes.next) return `The next ${changes.next === 1 ? "episode" : `${changes.next} episodes`} will be recorded.`;
  if (changes.cancel) return "Forgotten.";
  return "The schedule is changed, from the next episode on.";
}
