/** What the command's exit code says; 69, 74, 75 and 77 as in sysexits.h. */
export const ExitCode = {
  ok: 0,
  /**
   * The message was refused for good, or a peer asked about is offline; what was asked for is not so, or not there; the other
   * end of a tunnel has ended it.
   */
  refused: 1,
  usage: 2,
  /** No relay could be reached, or none is installed. */
  unreachable: 69,
  /** The output could not be written; what had been received is not acknowledged. */
  output: 74,
  /** No answer in time, or the other end was lost: it may work later. */
  temporary: 75,
  /** The relay does not let this peer in, or another connection took its place. */
  denied: 77,
} as const;

export const EXIT_CODE_HELP = `Exit codes:
  0    done
  1    refused for good; a peer is offline; not there, not allowed, not good; ended by the other side
  2    wrong usage
  69   no relay could be reached
  74   the output could not be written
  75   no answer in time, or the other side was lost: try again later
  77   the relay does not let this peer or this token in, or another connection took its place
  130  ended by Ctrl-C`;
