// A stream of news that tells how fresh it is: live, reconnecting, gone.
const LOST_AFTER_MS = 12000;
const GONE_AFTER_MS = 30000;

export class Stream {
  // onNews: something changed; onState: 'live' | 'lost' | 'gone' and the age in ms of what was last heard.
  constructor(url, event, onNews, onState) {
    Object.assign(this, { url, event, onNews, onState });
    this.heard = performance.now();
    this.open();
    this.watch = setInterval(() => this.tell(), 1000);
    addEventListener('online', () => this.reopen());
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.reopen(); });
    addEventListener('pagehide', () => this.close());
  }

  open() {
    this.source = new EventSource(this.url);
    this.source.addEventListener('open', () => this.hear());
    this.source.addEventListener(this.event, (event) => { this.hear(); this.onNews(event); });
    this.source.addEventListener('shutdown', () => this.reopenSoon());
    this.source.addEventListener('error', () => this.failed());
  }

  hear() { this.heard = performance.now(); this.broken = false; this.tell(); }

  failed() {
    this.broken = true;
    this.tell();
    if (this.source.readyState === EventSource.CLOSED) this.reopenSoon();
  }

  reopenSoon() {
    this.source.close();
    clearTimeout(this.again);
    this.again = setTimeout(() => this.open(), 1000 + Math.random() * 2000);
  }

  reopen() {
    if (this.source.readyState === EventSource.OPEN && !this.broken) return;
    this.source.close();
    this.open();
  }

  close() {
    clearInterval(this.watch);
    clearTimeout(this.again);
    this.source.close();
  }

  tell() {
    const age = performance.now() - this.heard;
    let state = 'live';
    if (this.broken) state = age > GONE_AFTER_MS ? 'gone' : age > LOST_AFTER_MS || this.broken ? 'lost' : 'live';
    this.onState(state, age);
  }
}
