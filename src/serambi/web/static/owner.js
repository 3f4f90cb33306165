// Keeps the owner's page current without reloading it. Everything works without this script.
"use strict";
const live = document.querySelector("[data-live]");
let misses = 0;

async function refresh() {
  try {
    const answer = await fetch(location.pathname + location.search, {
      headers: { Accept: "text/html" },
      signal: AbortSignal.timeout(3000),
    });
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    misses = 0;
    document.title = page.title;
    for (const part of document.querySelectorAll("[data-part]")) {
      const fresh = page.querySelector(`[data-part="${part.dataset.part}"]`);
      // What has the focus stays under the finger.
      if (fresh && fresh.innerHTML !== part.innerHTML && !part.contains(document.activeElement)) {
        part.replaceChildren(...fresh.childNodes);
        part.className = fresh.className;
      }
    }
  } catch {
    misses += 1;
    // A page that cannot ask its box must not go on saying what it knew.
    if (misses === 2) document.documentElement.dataset.lost = "1";
  }
  if (misses === 0) delete document.documentElement.dataset.lost;
  const lost = document.querySelector("[data-lost-banner]");
  if (lost) lost.hidden = !("lost" in document.documentElement.dataset);
  const parts = document.querySelector("[data-part=lamp]");
  if (parts) parts.hidden = lost !== null && !lost.hidden;
}

if (live) setInterval(refresh, 1000);
document.addEventListener("keydown", (event) => {
  const cancel = document.querySelector("[data-cancel]");
  if (event.key === "Escape" && cancel) cancel.click();
});
