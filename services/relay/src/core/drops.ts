/**
 * Why something was not carried on. One closed list: metric label, log field and (through the receipt's status) the
 * sender's answer come from it.
 */
export const DROP_REASONS = {
  bad_recipient: 'the recipient is not a valid peer id',
  too_large: 'the payload is larger than the limit',
  duplicate_id: 'the id still awaits its receipt on the same connection; ignored',
  send_window: 'the sender has as many messages without a receipt as it may',
  sticky: 'an earlier message of this connection to the recipient was refused for now',
  offline: 'no-store, and the recipient is not connected',
  unconfirmed: 'no-store, delivered to a connection that did not acknowledge it',
  catching_up: 'no-store, while the recipient still receives stored messages',
  queue_full: 'the queue in front of the recipient is full',
  link_full: 'the queue to the node of the recipient is full',
  inbox_full: 'the inbox of the node of the recipient is full',
  mailbox_full: 'the mailbox of a peer that is (or just was) online is full',
  realm_full: 'the mailboxes of the realm hold as many bytes as they may',
  store_unavailable: 'Redis could not be reached in time',
  node_unavailable: 'the node of the recipient could not be reached in time',
  evicted: 'evicted from a mailbox by its cap, after it had been receipted queued',
  expired: 'waited in a mailbox for longer than its time to live',
  stale_frame: 'came again from another node, or from one that has been reaped',
  slow_consumer: 'the connection did not take its outbound bytes; it was closed',
  connection_limit: 'the node has as many connections as it may',
} as const;

export type DropReason = keyof typeof DROP_REASONS;
