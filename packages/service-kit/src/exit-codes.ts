/** Exit codes of every service, after sysexits.h. */
export const ExitCode = {
  /** Stopped as asked. */
  ok: 0,
  /** EX_USAGE: bad configuration. */
  badConfig: 64,
  /** EX_UNAVAILABLE: a port is in use. */
  portInUse: 69,
  /** EX_SOFTWARE: a failure that it could not recover from. */
  failure: 70,
} as const;
