"use strict";
// Sliders and the list of documents. Everything it reads is in the page; texts go in as text.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);
  const data = (id) => {
    const element = document.getElementById(id);
    return element ? JSON.parse(element.textContent) : [];
  };
  const grouped = new Intl.NumberFormat("en");
  const count = (value) => grouped.format(value);
  const share = (part, whole) => {
    if (!whole) return "";
    if (part === 0 || part === whole) return ` (${part ? 100 : 0} %)`;
    const value = (100 * part) / whole;
    return value < 0.1 ? " (< 0.1 %)" : value > 99.9 ? " (> 99.9 %)" : ` (${value.toFixed(1)} %)`;
  };
  const documents = (value) => `${count(value)} document${value === 1 ? "" : "s"}`;

  // --- thresholds: [documents, values below each bound, values up to each bound]

  const below = ([, counts], at) => (at === null ? 0 : counts[at]);
  const upto = ([whole, , counts], at) => (at === null ? whole : counts[at]);

  function effect(rule, low, high) {
    const [kept] = rule.kept;
    const [own] = rule.own;
    const go = below(rule.kept, low) + kept - upto(rule.kept, high);
    const stay = Math.max(0, upto(rule.own, high) - below(rule.own, low));
    return (
      `${count(go)} of ${documents(kept)} kept now would go${share(go, kept)}, ` +
      `${count(stay)} of ${count(own)} dropped by this rule would pass it${share(stay, own)}`
    );
  }

  function bound(rule, low, high) {
    if (low !== null && high !== null) return `${rule.say[low]} to ${rule.say[high]}`;
    return low !== null ? `≥ ${rule.say[low]}` : `≤ ${rule.say[high]}`;
  }

  function slider(figure, rule) {
    const inputs = all("input[type=range]", figure);
    const at = (side) => {
      const input = inputs.find((item) => item.dataset.side === side);
      return input ? Number(input.value) : null;
    };
    const show = () => {
      const [low, high] = [at("low"), at("high")];
      const asWritten = low === rule.low && high === rule.high;
      const said = `${bound(rule, low, high)}: ${effect(rule, low, high)}`;
      one(".effect", figure).textContent = asWritten ? "The recipe's bound." : `${said}.`;
      one(".reset", figure).disabled = asWritten;
      for (const input of inputs) {
        const place = rule.x[Number(input.value)] * 288;
        const line = one(`.trial.${input.dataset.side}`, figure);
        line.setAttribute("x1", place);
        line.setAttribute("x2", place);
        line.classList.toggle("moved", Number(input.value) !== rule[input.dataset.side]);
        input.setAttribute("aria-valuetext", said);
      }
    };
    const clamp = (moved) => {
      const [low, high] = ["low", "high"].map((side) => inputs.find((i) => i.dataset.side === side));
      if (low && high && Number(low.value) > Number(high.value)) {
        (moved === low ? high : low).value = moved.value;
      }
    };
    for (const input of inputs) {
      input.addEventListener("input", () => {
        clamp(input);
        show();
      });
    }
    one(".reset", figure).addEventListener("click", () => {
      for (const input of inputs) input.value = rule[input.dataset.side];
      show();
      inputs[0].focus();
    });
    show();
  }

  // --- documents: one list, narrowed by words, reason, source and language

  function search(section) {
    const STEP = 25;
    const list = all(".sample", section).map((element) => ({ element, text: null }));
    const fields = all("select", section);
    const words = one("input[type=search]", section);
    const more = one(".more", section);
    let shown = STEP;

    const holds = (item) => {
      if (fields.some((field) => field.value && item.element.dataset[field.name] !== field.value)) return false;
      const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
      if (!wanted.length) return true;
      item.text ??= item.element.textContent.toLowerCase();
      return wanted.every((word) => item.text.includes(word));
    };
    const show = () => {
      const found = list.filter(holds);
      const visible = new Set(found.slice(0, shown));
      for (const item of list) item.element.hidden = !visible.has(item);
      one("[role=status]", section).textContent =
        `${count(found.length)} of ${documents(list.length)} on this page match` +
        (found.length > shown ? `, the first ${count(shown)} are shown.` : ".");
      more.hidden = found.length <= shown;
    };
    const fresh = () => {
      shown = STEP;
      show();
    };
    words.addEventListener("input", fresh);
    for (const field of fields) field.addEventListener("change", fresh);
    more.addEventListener("click", () => {
      const first = shown;
      shown += STEP;
      show();
      const next = list.filter(holds)[first];
      if (next) one("summary", next.element).focus();
    });
    one("form", section).addEventListener("submit", (event) => event.preventDefault());
    one("form", section).addEventListener("reset", () => setTimeout(fresh));
    for (const link of all("a[data-show]")) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        words.value = "";
        for (const field of fields) field.value = field.name === "reason" ? link.dataset.show : "";
        fresh();
        one("h2", section).scrollIntoView();
        fields[0].focus({ preventScroll: true });
      });
    }
    show();
  }

  for (const element of all(".live")) element.hidden = false;
  const rules = data("thresholds");
  for (const figure of all(".histogram")) slider(figure, rules[Number(figure.dataset.rule)]);
  const section = one("#documents-section");
  if (section && one("form", section)) search(section);
})();
