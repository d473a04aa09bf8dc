// A box "Try it": the button puts a console in the place of the code. Nothing is loaded before it is pressed.
addEventListener("click", event => {
  const button = event.target.closest?.("button.try-it");
  if (!button) return;
  const chosen = document.body.dataset.theme;
  const dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  const frame = document.createElement("iframe");
  frame.className = "try-it";
  frame.title = "A console of Python with the code above";
  frame.src = button.dataset.console + "&theme=JupyterLab%20" + (dark ? "Dark" : "Light");
  const note = document.createElement("p");
  note.textContent =
    "Python starts in your browser: the first time this loads some 30 MB and takes a minute. Edit the code, then press " +
    "Shift+Enter or the button ▶. The report appears below the code.";
  const paragraph = button.closest("p") ?? button;
  const code = paragraph.previousElementSibling;
  if (code?.matches("div[class*=highlight]")) code.remove();
  paragraph.replaceWith(note, frame);
});
