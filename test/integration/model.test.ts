import { describe, expect, it } from 'vitest';
import { checkModel, missingTools } from '../../scripts/model-check.ts';
import { MODEL_RUNS } from '../../scripts/model-runs.ts';

/** A search has no end in time that could be known; this one is for a machine with much else to do. */
const TIMEOUT_MS = 600_000;
const missing = missingTools();
const why = missing.length === 0 ? '' : ` (skipped: ${missing.join(' and ')} not on the PATH)`;
/** CI has the time for all of them. */
const chosen = MODEL_RUNS.filter(({ slow }) => !slow || process.env.CI !== undefined);

describe.skipIf(missing.length > 0)(`the model of links, handover and reaping${why}`, () => {
  it.each(chosen.filter(({ mustFail }) => !mustFail))(
    'holds: $name',
    async (run) => {
      const { counterexample, states } = await checkModel(run);
      expect(counterexample).toBeNull();
      expect(states).toBeGreaterThan(1000);
    },
    TIMEOUT_MS,
  );

  it.each(chosen.filter(({ mustFail }) => mustFail))(
    'shows what is lost $name',
    async (run) => {
      expect((await checkModel(run)).counterexample).toContain('assertion violated');
    },
    TIMEOUT_MS,
  );
});
