export type Labels = Readonly<Record<string, string>>;

interface Series {
  readonly labels: Labels;
  readonly value: number;
}

/** What a Prometheus endpoint said, in the text exposition format. */
export interface Metrics {
  /**
   * Sum of the metric's series that carry these labels (and perhaps more); 0 where the metric is declared and has none.
   * Throws for a metric that is not there at all, so that a misspelt name does not pass for a zero.
   */
  value(name: string, labels?: Labels): number;
  has(name: string): boolean;
  names(): string[];
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
}

function parseLabels(text = ''): Labels {
  return Object.fromEntries(Array.from(text.matchAll(LABEL), ([, name, value]) => [name, unescaped(value as string)]));
}

export function parseMetrics(text: string): Metrics {
  const all = new Map<string, Series[]>();
  const series = (name: string): Series[] => {
    const known = all.get(name) ?? [];
    all.set(name, known);
    return known;
  };
  for (const line of text.split('\n')) {
    const [, declared] = /^# TYPE (\S+)/.exec(line) ?? [];
    if (declared !== undefined) series(declared);
    const [, name, labels, value] = SAMPLE.exec(line) ?? [];
    if (name !== undefined) series(name).push({ labels: parseLabels(labels), value: Number(value) });
  }

  return {
    value(name, labels = {}) {
      const found = all.get(name);
      if (found === undefined) throw new Error(`no metric ${name} among ${[...all.keys()].join(', ')}`);
      const wanted = Object.entries(labels);
      return found
        .filter((one) => wanted.every(([label, value]) => one.labels[label] === value))
        .reduce((sum, { value }) => sum + value, 0);
    },
    has: (name) => all.has(name),
    names: () => [...all.keys()],
  };
}
