/**
 * Why something was not carried on. One closed list: metric label, log field and (through the receipt's status) the
 * sender's answer come from it.
 */
export const DROP_REASONS = {
  bad_recipient: 'the recipient is not a valid peer id',
  too_large: 'the payload is larger than the limit',
  duplicate_id: 'the id still awaits its receipt on the same connection; ignored',
  send_window: 'the sender has as many messages without a receipt as it may',
  node_full: 'the messages that the node has under way take as many bytes as they may',
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
  stale_frame: 'came again from another node',
  unknown_frame: 'came from another node in a form that only newer releases know; the rest of the entry was read',
  unreadable_entry: 'came from another node in a form that this release does not read, or malformed',
  sender_gone: "its sender was given up, or its sender's node is dead, before it could be sent on",
  stale_return: 'came back from another node when its outcome was known, or its sender had been given up',
  slow_consumer: 'the connection did not take its outbound bytes; it was closed',
  control_flood: 'the connection sent more control frames than it may; it was closed',
  refused_too_often: 'more recipients refused messages of the connection than are remembered; it was closed',
  registration_limit: 'the node has as many registrations under way as it may',
  handshake_limit: 'the node has as many sockets that are not WebSockets yet as it may',
  connection_limit: 'the node has as many connections as it may',
} as const;

export type DropReason = keyof typeof DROP_REASONS;
