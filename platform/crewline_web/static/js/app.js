// Behaviour of the shell: menus, keys, palette, copy link, the session's token on htmx requests.
import './palette.js';
import { listenForKeys } from './keys.js';

const token = document.querySelector('meta[name="csrf-token"]')?.content;

document.addEventListener('htmx:config:request', (event) => {
  if (token) event.detail.ctx.request.headers['X-CSRF-Token'] = token;
});

document.addEventListener('click', (event) => {
  for (const menu of document.querySelectorAll('details.menu[open]')) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  const copy = event.target.closest('[data-copy-link]');
  if (copy) copyLink(copy);
  openRow(event);
});

document.addEventListener('change', (event) => {
  const form = event.target.closest('form[data-submit-on-change]');
  if (form) form.requestSubmit();
});

async function copyLink(button) {
  await navigator.clipboard.writeText(location.href);
  const words = button.querySelector('span') ?? button;
  const before = words.textContent;
  words.textContent = button.dataset.done;
  setTimeout(() => { words.textContent = before; }, 1500);
}

function openRow(event) {
  const row = event.target.closest('tr[data-href]');
  if (!row || event.target.closest('a, button, input, select, label')) return;
  if (getSelection().toString()) return;
  location.assign(row.dataset.href);
}

listenForKeys();
