// The theme that was chosen last, before anything is drawn. Not a module: those run too late.
(() => {
  try {
    const chosen = localStorage.getItem("filmlab.theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch { /* No storage here: the system's preference it is. */ }
})();
