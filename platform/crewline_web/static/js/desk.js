// The desk: news of the agent's own state, forms without a reload, keys, notes kept while they are typed.
import './timers.js';
import { Stream } from './live.js';
import { parse, redraw } from './parts.js';

const FIELDS = 'input:not([type=radio]):not([type=checkbox]), textarea, select';
const NOTE_PAUSE_MS = 700;
const LOOK_EVERY_MS = 60000; // also keeps the session of an agent who waits, and the figures of the day

class DeskLive extends HTMLElement {
  connectedCallback() {
    this.chip = document.getElementById('desk-fresh');
    this.news = document.getElementById('desk-news');
    this.title = document.title;
    document.addEventListener('submit', (event) => this.submit(event));
    document.addEventListener('keydown', (event) => this.key(event));
    document.addEventListener('input', (event) => this.typed(event));
    addEventListener('pagehide', () => this.saveNow(true));
    this.stream = new Stream(this.dataset.stream, 'desk', () => this.refresh(), (state) => this.fresh(state));
    this.tell();
    setInterval(() => this.refresh(), LOOK_EVERY_MS);
  }

  async refresh() {
    if (this.busy) { this.stale = true; return; }
    const answer = await this.ask(this.dataset.partUrl + location.search);
    if (answer) this.draw(answer, false);
  }

  async submit(event) {
    const form = event.target.closest('form[data-desk]');
    if (!form) return;
    event.preventDefault();
    if (this.busy) return;
    this.busy = true;
    const button = event.submitter;
    const data = new FormData(form, button);
    await this.saveNow(false);
    const url = button?.getAttribute('formaction') ?? form.getAttribute('action');
    const answer = await this.ask(url, { method: 'POST', body: new URLSearchParams(data), headers: { 'X-Desk-Part': '1' } });
    this.busy = false;
    if (answer) this.draw(answer, true);
    else this.complain();
    if (this.stale) { this.stale = false; this.refresh(); }
  }

  async ask(url, options = {}) {
    try {
      const answer = await fetch(url, options);
      if (answer.redirected || answer.status === 401) { location.reload(); return null; }
      if (!answer.ok && answer.status !== 409 && answer.status !== 422) return null;
      return await answer.text();
    } catch {
      this.fresh('lost');
      return null;
    }
  }

  // `own`: the agent caused this; then the focus goes to the next thing to do.
  draw(html, own) {
    const replaced = redraw(parse(html).body);
    if (!replaced.length) return;
    this.tell();
    const lost = document.activeElement === document.body;
    if (own || lost || replaced.some((part) => part.dataset.part === 'mode')) this.focusNext(replaced);
  }

  focusNext(replaced) {
    for (const part of replaced) {
      const bad = part.querySelector('[aria-invalid="true"], fieldset.bad input');
      const first = bad ?? part.querySelector('form[data-step] .form input:not([type=hidden]), form[data-step] .form textarea');
      const target = first ?? part.querySelector('[data-focus]');
      if (target) { target.focus({ preventScroll: false }); return; }
    }
    if (document.activeElement === document.body) this.focusLast();
  }

  // Nothing new to fill in: on to the result, or to finishing when there is one.
  focusLast() {
    const result = document.querySelector('select[name="disposition_id"]');
    const finish = document.querySelector('[data-continue-last]');
    (result?.value && finish ? finish : result)?.focus();
  }

  tell() {
    const state = document.querySelector('[data-part="state"]')?.dataset.title;
    document.title = state ? `${state} · ${this.title}` : this.title;
    const news = document.querySelector('[data-news]')?.dataset.news ?? '';
    if (this.news.textContent !== news) this.news.textContent = news;
  }

  complain() {
    this.news.textContent = this.dataset.failed;
    const place = document.querySelector('[data-part="mode"]');
    let line = place.querySelector(':scope > .notice');
    if (!line) {
      line = document.createElement('p');
      line.className = 'notice';
      place.prepend(line);
    }
    line.textContent = this.dataset.failed;
  }

  fresh(state) {
    const words = { live: this.chip.dataset.live, lost: this.chip.dataset.lost, gone: this.chip.dataset.gone }[state];
    if (this.chip.textContent !== words) this.chip.textContent = words;
    this.chip.classList.toggle('stale', state !== 'live');
  }

  key(event) {
    if (event.altKey && !event.ctrlKey && !event.metaKey) this.hotkey(event);
    else if (event.ctrlKey && event.key === 'Enter') this.go(event, '[data-continue]');
    else if (/^[1-9]$/.test(event.key) && !event.ctrlKey && !event.target.closest(FIELDS)) this.digit(event);
  }

  hotkey(event) {
    const name = event.code.startsWith('Key') ? event.code.slice(3).toLowerCase() : event.key;
    if (name === 's') { this.step(event); return; }
    const target = document.querySelector(`[data-hotkey="${name}"]`);
    if (!target) return;
    event.preventDefault();
    if (target.matches(FIELDS)) target.focus();
    else target.click();
    if (target.matches('summary')) target.parentElement.querySelector('button')?.focus();
  }

  step(event) {
    const first = document.querySelector('form[data-step] .form :is(input:not([type=hidden]), textarea), form[data-step] button');
    if (first) { event.preventDefault(); first.focus(); }
  }

  go(event, selector) {
    const button = document.querySelector(selector);
    if (button) { event.preventDefault(); button.click(); }
  }

  // The nth answer of the question that has the focus, else of the first one that is not answered yet.
  digit(event) {
    const groups = [...document.querySelectorAll('form[data-step] fieldset')];
    const open = groups.find((group) => group.contains(document.activeElement))
      ?? groups.find((group) => !group.querySelector(':checked')) ?? groups[0];
    const answer = open?.querySelectorAll('[data-digit]')[Number(event.key) - 1];
    if (answer) { event.preventDefault(); answer.click(); answer.focus(); }
  }

  typed(event) {
    if (!event.target.matches('[data-autosave]')) return;
    this.note = event.target;
    this.said(this.dataset.saving);
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.saveNow(false), NOTE_PAUSE_MS);
  }

  async saveNow(leaving) {
    clearTimeout(this.saving);
    const note = this.note;
    if (!note) return;
    this.note = null;
    const token = document.querySelector('meta[name="csrf-token"]').content;
    const body = new URLSearchParams({ note: note.value, _csrf: token });
    try {
      const answer = await fetch(note.dataset.autosave, { method: 'POST', body, keepalive: leaving });
      this.said(answer.ok ? this.dataset.saved : this.dataset.unsaved);
    } catch {
      this.note = note;
      this.said(this.dataset.unsaved);
    }
  }

  said(words) {
    const place = document.querySelector('[data-saved-at]');
    if (place) place.textContent = words;
  }
}

customElements.define('desk-live', DeskLive);
