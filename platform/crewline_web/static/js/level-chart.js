// <level-chart table="id" target="80">: service level above, contacts below, over one time axis.
// The numbers are those of the table that the attribute names; the colours those of the page's tokens.
let library;

class LevelChart extends HTMLElement {
  async connectedCallback() {
    if (!this.shadowRoot) {
      this.attachShadow({ mode: 'open' });
      this.place = document.createElement('div');
      this.shadowRoot.append(this.place);
    }
    library ??= import('../vendor/echarts.mjs');
    this.echarts = await library;
    this.draw();
    this.resizer = new ResizeObserver(() => this.draw());
    this.resizer.observe(this);
    this.scheme = matchMedia('(prefers-color-scheme: dark)');
    this.scheme.addEventListener('change', this.repaint);
  }

  repaint = () => this.draw();

  disconnectedCallback() {
    this.resizer?.disconnect();
    this.scheme?.removeEventListener('change', this.repaint);
    this.chart?.dispose();
  }

  rows() {
    const table = document.getElementById(this.getAttribute('table'));
    return [...table.querySelectorAll('tr[data-label]')].map((row) => ({
      label: row.dataset.label,
      level: row.dataset.level === '' ? null : Number(row.dataset.level),
      inTime: Number(row.dataset.inTime),
      late: Number(row.dataset.late),
      href: row.dataset.href,
    }));
  }

  draw() {
    const { width } = this.getBoundingClientRect();
    if (!width) return;
    const height = Number(this.getAttribute('height') ?? 340);
    this.chart ??= this.begin(width, height);
    this.chart.resize({ width, height });
    this.chart.setOption(this.options(width), { notMerge: true });
  }

  begin(width, height) {
    const chart = this.echarts.init(this.place, null, {
      renderer: 'svg', width, height, locale: document.documentElement.lang.startsWith('zh') ? 'ZH' : 'EN' });
    chart.on('click', (event) => {
      const row = this.rows()[event.dataIndex];
      if (row?.href) location.assign(row.href);
    });
    return chart;
  }

  options(width) {
    const rows = this.rows();
    const paint = palette(this);
    const words = this.dataset;
    const target = this.hasAttribute('target') ? Number(this.getAttribute('target')) : null;
    const lowest = Math.min(target ?? 100, ...rows.filter((row) => row.level !== null).map((row) => row.level));
    const { floor, step } = scale(lowest);
    const text = { color: paint.quiet, fontFamily: paint.font, fontSize: 11 };
    const axis = (index, show) => ({ type: 'category', gridIndex: index, data: rows.map((row) => row.label),
      axisTick: { show: false }, axisLine: { lineStyle: { color: paint.line } },
      axisLabel: { show, ...text, hideOverlap: true, interval: width < 500 ? 'auto' : undefined } });
    const panel = (top, height) => ({ left: 46, right: target !== null && width >= 500 ? 84 : 14, top, height });
    return {
      animation: false, aria: { enabled: true }, textStyle: { fontFamily: paint.font },
      title: [heading(words.level, 0, text), heading(words.contacts, 54, text)],
      grid: [panel(24, '42%'), panel('64%', '25%')],
      tooltip: { trigger: 'axis', confine: true, backgroundColor: paint.raised, borderColor: paint.line,
        textStyle: { color: paint.ink, fontFamily: paint.font, fontSize: 12 },
        formatter: (points) => tip(rows[points[0].dataIndex], words) },
      axisPointer: { link: [{ xAxisIndex: 'all' }], lineStyle: { color: paint.line } },
      xAxis: [axis(0, false), axis(1, true)],
      yAxis: [
        { type: 'value', gridIndex: 0, min: floor, max: 100, interval: step, axisLabel: { ...text, formatter: '{value}%' },
          splitLine: { lineStyle: { color: paint.grid } } },
        { type: 'value', gridIndex: 1, splitNumber: 2, minInterval: 1, axisLabel: text,
          splitLine: { lineStyle: { color: paint.grid } } },
      ],
      series: [levelSeries(rows, paint, { value: target, words: words.target, outside: width >= 500 }, words.level, text), barSeries(rows, 'inTime', words.inTime, paint.bar),
        barSeries(rows, 'late', words.late, paint.contrast)],
    };
  }
}

function heading(text, top, style) {
  return { text, left: 0, top: `${top}%`, textStyle: { ...style, fontWeight: 400 } };
}

function levelSeries(rows, paint, target, name, text) {
  const worst = worstMisses(rows, target.value);
  const missed = (row) => worst.has(row);
  return {
    type: 'line', name, xAxisIndex: 0, yAxisIndex: 0, connectNulls: false,
    lineStyle: { width: 2, color: paint.measure }, itemStyle: { color: paint.measure },
    symbol: 'circle', symbolSize: (_value, point) => (missed(rows[point.dataIndex]) ? 8 : 3),
    data: rows.map((row) => ({ value: row.level,
      itemStyle: missed(row) ? { color: paint.miss, borderColor: paint.surface, borderWidth: 1 } : undefined,
      symbol: missed(row) ? 'diamond' : 'circle' })),
    markLine: target.value === null ? undefined : { silent: true, symbol: 'none',
      lineStyle: { color: paint.target, type: 'dashed', width: 1 },
      label: { ...text, position: target.outside ? 'end' : 'insideEndTop', formatter: target.words },
      data: [{ yAxis: target.value }] },
  };
}

// At most three points are marked: those below the target with the most contacts late or lost.
function worstMisses(rows, target) {
  const below = rows.filter((row) => target !== null && row.level !== null && row.level < target);
  return new Set(below.sort((one, other) => other.late - one.late).slice(0, 3));
}

// A few round steps down from 100 to just below the lowest value.
function scale(lowest) {
  const step = [5, 10, 20, 25].find((size) => lowest >= 100 - 4 * size) ?? 25;
  return { step, floor: Math.max(0, 100 - 4 * step) };
}

function barSeries(rows, field, name, color) {
  return { type: 'bar', name, stack: 'contacts', xAxisIndex: 1, yAxisIndex: 1, itemStyle: { color },
    barMaxWidth: 26, barCategoryGap: '30%', data: rows.map((row) => row[field]) };
}

function tip(row, words) {
  const level = row.level === null ? '—' : `${row.level.toFixed(1)}%`;
  const safe = document.createElement('span');
  safe.textContent = row.label;
  return `<b>${safe.innerHTML}</b><br>${words.level}: ${level}<br>${words.inTime}: ${row.inTime}<br>${words.late}: ${row.late}`;
}

// ECharts understands rgb() only: each token is resolved by the browser, light-dark() included.
function palette(element) {
  const probe = document.createElement('i');
  element.shadowRoot.append(probe);
  const of = (token) => { probe.style.color = `var(--${token})`; return getComputedStyle(probe).color; };
  const found = { measure: of('chart-1'), contrast: of('chart-2'), bar: of('chart-bar'), grid: of('chart-grid'),
    target: of('chart-target'), miss: of('miss-fg'), surface: of('surface-1'), raised: of('surface-raised'),
    line: of('line-strong'), ink: of('text-1'), quiet: of('text-3'), font: getComputedStyle(element).fontFamily };
  probe.remove();
  return found;
}

customElements.define('level-chart', LevelChart);
