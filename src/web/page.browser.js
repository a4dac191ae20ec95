// The small comforts of the pages. Everything works without this script.

/* `/` moves to the search box, as on GitHub and pkg.go.dev. */
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
  const box = document.querySelector("input[type=search]");
  if (box === null) return;
  event.preventDefault();
  box.focus();
  box.select();
});

/* Buttons that copy a command. They are hidden where nothing can be copied. */
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = navigator.clipboard === undefined;
  button.addEventListener("click", async () => {
    const status = button.parentElement.querySelector("[role=status]");
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      status.textContent = "Copied";
    } catch {
      status.textContent = "Select the text and copy it";
    }
    setTimeout(() => {
      status.textContent = "";
    }, 2_000);
  });
}
