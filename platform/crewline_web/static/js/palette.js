// Ctrl-K: every place that the navigation and the menus of this page know.
class CommandPalette extends HTMLElement {
  connectedCallback() {
    document.addEventListener('keydown', (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        this.open();
      }
    });
    document.querySelector('[data-palette]')?.addEventListener('click', () => this.open());
  }

  open() {
    if (!this.dialog) this.build();
    this.input.value = '';
    this.show('');
    this.dialog.showModal();
  }

  build() {
    this.dialog = document.createElement('dialog');
    this.dialog.className = 'sheet palette';
    this.dialog.setAttribute('aria-label', this.dataset.label);
    this.input = document.createElement('input');
    this.input.placeholder = this.dataset.label;
    this.input.setAttribute('aria-label', this.dataset.label);
    this.list = document.createElement('ul');
    this.dialog.append(this.input, this.list);
    this.append(this.dialog);
    this.input.addEventListener('input', () => this.show(this.input.value));
    this.input.addEventListener('keydown', (event) => this.key(event));
  }

  places() {
    const links = document.querySelectorAll('.nav a[href], .switchmenu .drop a, [data-jump]');
    const seen = new Map();
    for (const link of links) {
      const words = (link.dataset.jump || link.textContent).trim();
      if (words && !seen.has(link.href)) seen.set(link.href, words);
    }
    return [...seen].map(([href, words]) => ({ href, words }));
  }

  show(wanted) {
    const text = wanted.trim().toLowerCase();
    const found = this.places().filter((place) => place.words.toLowerCase().includes(text));
    this.list.replaceChildren(...found.slice(0, 12).map((place, index) => {
      const item = document.createElement('li');
      const link = document.createElement('a');
      link.href = place.href;
      link.textContent = place.words;
      link.setAttribute('aria-selected', String(index === 0));
      item.append(link);
      return item;
    }));
    if (!found.length) {
      const none = document.createElement('p');
      none.textContent = this.dataset.none;
      this.list.append(none);
    }
  }

  key(event) {
    const links = [...this.list.querySelectorAll('a')];
    const at = links.findIndex((link) => link.getAttribute('aria-selected') === 'true');
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && links.length) {
      event.preventDefault();
      links[at].setAttribute('aria-selected', 'false');
      const next = links[(at + by + links.length) % links.length];
      next.setAttribute('aria-selected', 'true');
      next.scrollIntoView({ block: 'nearest' });
    }
    if (event.key === 'Enter' && links[at]) location.assign(links[at].href);
  }
}

customElements.define('command-palette', CommandPalette);
