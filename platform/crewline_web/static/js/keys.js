// Single keys, never while a field has the focus: j k rows, ← → periods, / filter, ? the list of keys.
const FIELDS = 'input, textarea, select, [contenteditable]';

export function listenForKeys() {
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') closeMenus();
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest(FIELDS)) return;
    if (document.querySelector('dialog[open]')) return;
    const act = { j: () => move(1), k: () => move(-1), Enter: open, ArrowLeft: () => step('prev'),
      ArrowRight: () => step('next'), '/': filter, '?': showKeys }[event.key];
    if (act && act(event) !== false) event.preventDefault();
  });
}

function closeMenus() {
  for (const menu of document.querySelectorAll('details.menu[open]')) {
    menu.open = false;
    menu.querySelector('summary').focus();
  }
}

function rows() {
  return [...document.querySelectorAll('tr[data-href]')].filter((row) => row.offsetParent);
}

function move(by) {
  const all = rows();
  if (!all.length) return false;
  const at = all.findIndex((row) => row.classList.contains('at'));
  const next = all[Math.min(Math.max(at + by, 0), all.length - 1)];
  all[at]?.classList.remove('at');
  next.classList.add('at');
  next.scrollIntoView({ block: 'nearest' });
}

function open(event) {
  const row = document.querySelector('tr.at');
  if (!row || event.target.closest('a, button, summary')) return false;
  location.assign(row.dataset.href);
}

function step(rel) {
  const link = document.querySelector(`a[rel="${rel}"]`);
  if (!link) return false;
  location.assign(link.href);
}

function filter() {
  const first = document.querySelector('[data-filter] summary, [data-filter] input, [data-filter] select');
  if (!first) return false;
  first.focus();
}

function showKeys() {
  document.getElementById('keys')?.showModal();
}
