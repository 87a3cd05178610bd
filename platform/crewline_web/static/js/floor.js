// The floor: drawn anew on news, at most once a second; says how fresh it is; the wallboard's key and drift.
import './timers.js';
import { Stream } from './live.js';
import { parse, redraw } from './parts.js';

const PAUSE_MS = 1000;
const DRIFT_EVERY_MS = 20 * 60 * 1000;

class FloorLive extends HTMLElement {
  connectedCallback() {
    this.chip = document.getElementById('floor-fresh');
    this.root = document.documentElement;
    this.readAge(document);
    this.stream = new Stream(this.dataset.stream, 'board', () => this.ask(), (state) => { this.state = state; this.fresh(); });
    document.addEventListener('keydown', (event) => this.key(event));
    if (this.root.classList.contains('wall')) this.drift();
  }

  ask() {
    if (this.waiting) return;
    const soon = Math.max(PAUSE_MS - (performance.now() - (this.asked ?? 0)), 0);
    this.waiting = setTimeout(() => this.refresh(), soon);
  }

  async refresh() {
    this.asked = performance.now();
    try {
      const answer = await fetch(this.dataset.partUrl);
      if (answer.redirected || answer.status === 401) { location.reload(); return; }
      if (answer.ok) this.draw(parse(await answer.text()));
    } catch { /* the stream says that the connection is lost */ }
    this.waiting = null;
  }

  draw(fresh) {
    this.readAge(fresh);
    const held = document.querySelector('[data-part="agents"] details[open]');
    if (held) fresh.querySelector('[data-part="agents"]')?.remove();
    redraw(fresh.body);
    this.fresh();
  }

  readAge(from) {
    const text = from.querySelector('[data-part="figures"]')?.dataset.ageMs;
    this.age = text ? Number(text) : null;
    this.read = performance.now();
  }

  fresh() {
    const { chip } = this;
    if (this.age === null) { this.tell(chip.dataset.none, true); return; }
    const age = this.age + performance.now() - this.read;
    const seconds = Math.max(Math.round(age / 1000), 0);
    const stale = age > Number(this.dataset.staleMs);
    this.root.classList.toggle('is-stale', stale);
    if (stale) this.tell(chip.dataset.stale.replace('{time}', timeOfDay(age)), true);
    else if (this.state === 'lost' || this.state === 'gone') this.tell(chip.dataset.lost, true);
    else this.tell(`${chip.dataset.live} · ${chip.dataset.age.replace('{age}', `${seconds} s`)}`, false);
  }

  tell(words, bad) {
    if (this.chip.textContent !== words) this.chip.textContent = words;
    this.chip.classList.toggle('stale', bad);
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest('input, textarea, select')) return;
    const wall = this.root.classList.contains('wall');
    if (event.key === 'w' || (wall && event.key === 'Escape')) location.assign(wall ? '/floor' : '/floor?wall');
  }

  // A few pixels over the day, so that nothing burns into the screen.
  drift() {
    let step = 0;
    setInterval(() => {
      step = (step + 1) % 8;
      const angle = (step / 8) * 2 * Math.PI;
      this.root.style.setProperty('--drift', `${Math.round(4 * Math.cos(angle))}px ${Math.round(4 * Math.sin(angle))}px`);
    }, DRIFT_EVERY_MS);
  }
}

function timeOfDay(ageMs) {
  const at = new Date(Date.now() - ageMs);
  return at.toLocaleTimeString(document.documentElement.lang, { hour: '2-digit', minute: '2-digit', hour12: false });
}

customElements.define('floor-live', FloorLive);
