// <run-timer data-ms="…" [data-down]>: a time that runs on from what the server last knew, without asking the clock.
class RunTimer extends HTMLElement {
  connectedCallback() {
    this.base = Number(this.dataset.ms);
    this.begun = performance.now();
    this.ticking = setInterval(() => this.show(), 1000);
    this.setAttribute('role', 'timer');
    this.setAttribute('aria-live', 'off');
  }

  disconnectedCallback() { clearInterval(this.ticking); }

  show() {
    const passed = performance.now() - this.begun;
    const ms = this.hasAttribute('data-down') ? Math.max(this.base - passed, 0) : this.base + passed;
    this.textContent = written(ms);
  }
}

export function written(ms) {
  const total = Math.floor(ms / 1000);
  const two = (value) => String(value).padStart(2, '0');
  const [hours, minutes, seconds] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

customElements.define('run-timer', RunTimer);
