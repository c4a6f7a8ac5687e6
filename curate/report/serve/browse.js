"use strict";
// A query can be sent with Ctrl+Enter and cancelled: to cancel is to hang up, and the server notices.
(() => {
  const form = document.getElementById("ask");
  if (!form) return;
  const [text, run, cancel, state] = ["q", "run", "cancel", "state"].map((id) => document.getElementById(id));
  const running = (is) => {
    cancel.hidden = !is;
    run.disabled = is;
    state.textContent = is ? "Running …" : "";
  };
  form.addEventListener("submit", () => running(true));
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !run.disabled) form.requestSubmit();
  });
  cancel.addEventListener("click", () => {
    window.stop();
    running(false);
    state.textContent = "Cancelled.";
    run.focus();
  });
  window.addEventListener("pageshow", () => running(false));
})();
