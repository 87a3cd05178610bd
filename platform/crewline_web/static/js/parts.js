// Draw the parts of a page anew that changed, and only those: what a person types elsewhere stays as it is.
// A part is an element with data-part (its name) and data-version; parts may hold parts.

export function parse(html) {
  return new DOMParser().parseFromString(html, 'text/html');
}

// Returns the elements that were replaced.
export function redraw(fresh, root = document) {
  const replaced = [];
  for (const now of partsUnder(fresh)) {
    const old = root.querySelector(`[data-part="${now.dataset.part}"]`);
    if (!old) continue;
    if (old.dataset.version === now.dataset.version) replaced.push(...redraw(now, old));
    else {
      const focus = focusIn(old);
      old.replaceWith(now);
      if (focus) now.querySelector(focus)?.focus({ preventScroll: true });
      replaced.push(now);
    }
  }
  return replaced;
}

// How to find again what has the focus, when the part around it is replaced.
function focusIn(part) {
  const active = document.activeElement;
  if (!active || !part.contains(active)) return null;
  if (active.dataset.hotkey) return `[data-hotkey="${active.dataset.hotkey}"]`;
  return active.name ? `[name="${CSS.escape(active.name)}"]` : null;
}

function partsUnder(node) {
  const all = [...node.querySelectorAll('[data-part]')];
  return all.filter((part) => {
    const parent = part.parentElement?.closest('[data-part]');
    return !parent || parent === node || !node.contains(parent);
  });
}
