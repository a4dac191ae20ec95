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

/* Buttons that copy a command. Only a script can copy, so only a script makes them. */
for (const command of document.querySelectorAll("[data-copy]")) {
  if (navigator.clipboard === undefined) break;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy: ${command.dataset.copy}`);
  const status = document.createElement("span");
  status.className = "copied";
  status.setAttribute("role", "status");
  command.append(button, status);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(command.querySelector("code").textContent);
      status.textContent = "Copied";
    } catch {
      status.textContent = "Select the text and copy it";
    }
    setTimeout(() => {
      status.textContent = "";
    }, 2_000);
  });
}
