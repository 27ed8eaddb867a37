import { execFileSync } from 'node:child_process';

/** Why the program cannot be run here, null where it can. CI has all of them, so there it is an error. */
export function missing(program: string, versionOption = '--version'): string | null {
  try {
    execFileSync(program, [versionOption], { stdio: 'ignore' });
    return null;
  } catch (error) {
    if (process.env.CI) throw error;
    return `${program} is not on the PATH`;
  }
}

/** The title of tests that need the program. */
export function titled(title: string, reason: string | null): string {
  return reason === null ? title : `${title}: ${reason}`;
}
