// A stream of news that tells how fresh it is: live, lost (trying again), gone (for long).
const GONE_AFTER_MS = 30000;

export class Stream {
  // onNews: something changed, or the stream was closed and the page has to look for itself;
  // onState: 'live' | 'lost' | 'gone'.
  constructor(url, event, onNews, onState) {
    Object.assign(this, { url, event, onNews, onState, broken: false });
    this.heard = performance.now();
    this.open();
    this.watch = setInterval(() => this.tell(), 1000);
    addEventListener('online', () => this.reopen());
    addEventListener('offline', () => this.failed());
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.reopen(); });
    addEventListener('pagehide', () => this.close());
    // A page that the browser kept may show what is no longer there.
    addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
  }

  open() {
    this.source = new EventSource(this.url);
    this.source.addEventListener('open', () => this.hear());
    this.source.addEventListener(this.event, (event) => { this.hear(); this.onNews(event); });
    this.source.addEventListener('shutdown', () => { this.failed(); this.reopenSoon(); });
    this.source.addEventListener('error', () => this.failed());
  }

  hear() {
    this.heard = performance.now();
    this.broken = false;
    this.tell();
  }

  failed() {
    this.broken = true;
    this.tell();
    if (this.source.readyState !== EventSource.CLOSED) return;
    this.onNews();
    this.reopenSoon();
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
    const away = performance.now() - this.heard;
    if (!this.broken) this.onState('live');
    else this.onState(away > GONE_AFTER_MS ? 'gone' : 'lost');
  }
}
