// @ts-check
// Whether the front end is light or dark, now and whenever that changes.

/**
 * @param {Document} doc
 * @returns {"light" | "dark"}
 */
export function theme(doc) {
  const { body, documentElement: html } = doc;
  const lab = body.dataset.jpThemeLight;
  if (lab) return lab === "false" ? "dark" : "light";
  const code = body.dataset.vscodeThemeKind;
  if (code) return /dark|black/.test(code) ? "dark" : "light"; // vscode-dark, vscode-high-contrast(-light)
  for (const element of [body, html]) {
    const name = element.getAttribute("data-theme") ?? element.getAttribute("theme");
    if (name) return name.includes("dark") ? "dark" : "light";
    if (element.classList.contains("dark") || element.classList.contains("vscode-dark")) return "dark";
    if (element.classList.contains("light") || element.classList.contains("vscode-light")) return "light";
  }
  return doc.defaultView?.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/**
 * Keep data-theme on the root up to date until the signal.
 *
 * @param {HTMLElement} root
 * @param {AbortSignal} signal
 */
export function followTheme(root, signal) {
  const doc = root.ownerDocument;
  const set = () => void (root.dataset.theme = theme(doc));
  set();
  const observer = new MutationObserver(set);
  const attributes = ["class", "theme", "data-theme", "data-jp-theme-light", "data-vscode-theme-kind"];
  for (const element of [doc.body, doc.documentElement]) {
    observer.observe(element, { attributes: true, attributeFilter: attributes });
  }
  doc.defaultView?.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", set, { signal });
  signal.addEventListener("abort", () => observer.disconnect());
}

/** Remove the white that VS Code paints behind every widget with !important; only an inline rule wins. @param {HTMLElement} root */
export function clearBackdrop(root) {
  const backdrop = root.closest(".cell-output-ipywidget-background");
  if (backdrop instanceof HTMLElement) backdrop.style.setProperty("background", "transparent", "important");
}
