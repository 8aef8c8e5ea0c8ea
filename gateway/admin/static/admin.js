// Comfort for pages that work without it. Each part looks for its own data-… attribute and does nothing elsewhere.
"use strict";

// Copying: [data-copy] holds [data-copy-text] and a hidden [data-copy-button].
if (navigator.clipboard) {
  for (const box of document.querySelectorAll("[data-copy]")) {
    const button = box.querySelector("[data-copy-button]");
    const label = button.querySelector("span");
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(box.querySelector("[data-copy-text]").textContent);
        label.textContent = "Copied";
      } catch {
        label.textContent = "Select it and copy";
      }
      setTimeout(() => { label.textContent = "Copy"; }, 4000);
    });
  }
}

// Passwords that are shown while one types: [data-reveal].
for (const box of document.querySelectorAll("[data-reveal]")) {
  const input = box.querySelector("input");
  const button = box.querySelector("[data-reveal-button]");
  button.hidden = false;
  button.addEventListener("click", () => {
    const isShown = input.type === "text";
    input.type = isShown ? "password" : "text";
    button.setAttribute("aria-pressed", String(!isShown));
  });
  input.form.addEventListener("submit", () => { input.type = "password"; });
}

// A token that stands behind the "#" of a link goes into the field that asks for it, and out of the address.
for (const input of document.querySelectorAll("[data-from-fragment]")) {
  const token = decodeURIComponent(location.hash.slice(1));
  if (!/^sdfx_[a-z]+_[0-9A-Za-z]+$/.test(token)) continue;
  history.replaceState(null, "", location.pathname + location.search);
  input.value = token;
  input.form.requestSubmit();
}

// One press is enough: a form that is on its way is not sent again.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    for (const button of form.querySelectorAll("button:not([type=button])")) button.setAttribute("aria-disabled", "true");
  });
}
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
  }
});

// What comes after a secret is open once it is said to be stored: [data-stored] is a box to tick, then [data-then].
for (const box of document.querySelectorAll("[data-stored]")) {
  const next = document.querySelector("[data-then]");
  const follow = () => {
    next.classList.toggle("quiet", !box.checked);
    next.setAttribute("aria-disabled", String(!box.checked));
  };
  next.addEventListener("click", (event) => { if (!box.checked) { event.preventDefault(); box.focus(); } });
  box.addEventListener("change", follow);
  follow();
}

// What matters only while something else is chosen: [data-shown-when="name=value"].
for (const part of document.querySelectorAll("[data-shown-when]")) {
  const [name, value] = part.dataset.shownWhen.split("=");
  const choice = part.closest("form").elements[name];
  const follow = () => { part.hidden = choice.value !== value; };
  choice.addEventListener("change", follow);
  follow();
}

// Filters that apply as they are chosen: form[data-auto].
for (const form of document.querySelectorAll("form[data-auto]")) {
  for (const select of form.querySelectorAll("select")) select.addEventListener("change", () => form.requestSubmit());
}

// Parts that keep themselves up to date: <… id="…" data-live="5"> is read anew from the same address every so many
// seconds, while somebody looks and nobody works inside it; it ends when the new one has no data-live any more. A page
// that was left open must not keep its session alive: it stops asking once nobody has touched it for a while.
const LEFT_ALONE_MS = 15 * 60 * 1000;
let touched = Date.now();
for (const kind of ["pointerdown", "keydown", "scroll"]) addEventListener(kind, () => { touched = Date.now(); }, { passive: true });
for (const part of document.querySelectorAll("[data-live]")) keepUpToDate(part.id);

function keepUpToDate(id) {
  const later = () => setTimeout(refresh, Math.max(Number(document.getElementById(id).dataset.live), 1) * 1000);
  async function refresh() {
    const old = document.getElementById(id);
    const isLeftAlone = Date.now() - touched > LEFT_ALONE_MS;
    if (isLeftAlone || document.hidden || old.contains(document.activeElement) || old.querySelector("details[open]")) return later();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!answer.ok) return later();
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
      if (!fresh) return undefined;
      old.replaceWith(fresh);
      if (!fresh.dataset.live) return undefined;
    } catch {
      // The network is away for now; the next round may find it.
    }
    return later();
  }
  later();
}

// Menus close by Escape, and when one looks elsewhere.
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll(".menu[open]")) { menu.open = false; menu.querySelector("summary").focus(); }
});
addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

// Family: products

// What is wrong with a form is where one goes on.
document.querySelector("form [aria-invalid=true]")?.focus();

// One more row of fields like the last one: [data-rows="10"] holds the rows, a hidden [data-add-row] button stands behind.
for (const rows of document.querySelectorAll("[data-rows]")) {
  const button = rows.parentElement.querySelector("[data-add-row]");
  const follow = () => { button.hidden = rows.children.length >= Number(rows.dataset.rows); };
  button.addEventListener("click", () => {
    const row = rows.lastElementChild.cloneNode(true);
    for (const picture of row.querySelectorAll("img")) picture.remove();
    for (const input of row.querySelectorAll("input")) input.value = "";
    rows.append(row);
    row.querySelector("input").focus();
    follow();
  });
  follow();
}

// What somebody else has saved meanwhile goes into its field: [data-take="price" data-value="45.00"].
for (const button of document.querySelectorAll("[data-take]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    for (const field of button.form.querySelectorAll(`[name="${button.dataset.take}"]`)) {
      if (field.type === "radio") field.checked = field.value === button.dataset.value;
      else field.value = button.dataset.value;
    }
    button.closest(".conflict").remove();
  });
}

// How many are ticked: [data-bulk] with [data-bulk-count].
for (const bar of document.querySelectorAll("[data-bulk]")) {
  const boxes = [...document.querySelectorAll(".pick input")];
  const count = bar.querySelector("[data-bulk-count]");
  const follow = () => { count.textContent = `${boxes.filter((box) => box.checked).length} ticked`; };
  for (const box of boxes) box.addEventListener("change", follow);
  follow();
}

// Family: imports

// A file that is let go over [data-drop] goes into the field in it.
for (const box of document.querySelectorAll("[data-drop]")) {
  const input = box.querySelector("input[type=file]");
  const mark = (isOver) => (event) => { event.preventDefault(); box.classList.toggle("is-over", isOver); };
  box.addEventListener("dragover", mark(true));
  box.addEventListener("dragleave", mark(false));
  box.addEventListener("drop", (event) => {
    mark(false)(event);
    if (event.dataTransfer.files.length) input.files = event.dataTransfer.files;
  });
}
