import type { Log } from '../core/clock.ts';
import type { Notices } from '../core/shared-ports.ts';
import type { RelayControls } from './controls.ts';
import type { Inquiries } from './inquiries.ts';

export interface OrdersDeps {
  readonly notices: Notices;
  readonly relay: () => RelayControls;
  readonly inquiries: Inquiries;
  readonly log: Log;
}

/** Has this node do what other nodes were asked to have it do. */
export function followOrders({ notices, relay, inquiries, log }: OrdersDeps): void {
  notices.onNotice((notice) => {
    switch (notice.kind) {
      case 'disconnect':
        relay().disconnect(notice.key, notice.reason);
        return;
      case 'ask':
      case 'told':
        void inquiries.heard(notice);
        return;
      case 'drain':
        if (notice.node === relay().node) relay().drain();
        return;
      case 'rebalance': {
        if (notice.node !== relay().node) return;
        const { kind } = relay().rebalance(notice.limit ?? undefined);
        log.info({ event: 'rebalance', outcome: kind }, 'asked through another node to send clients away');
        return;
      }
    }
  });
}
