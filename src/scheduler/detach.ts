import type { EventBus } from '../events/bus.js';
import type { Dispatch } from './dispatch.js';
import type { HandBack, HandBackResult } from './hand-back.js';
import type { Scheduler } from './scheduler.js';

/**
 * The way back: nothing new is begun, running work goes on, and what waits is given
 * back to the site. A start that still arrives goes straight back, too.
 *
 * @param to address to send to instead of the site's own
 * @param takeBack takes back what waits in a backlog that daemons share, with the service hosts of this one
 */
export async function detach(
  scheduler: Scheduler,
  handBack: HandBack,
  bus: EventBus,
  to: string | undefined,
  takeBack: () => Promise<readonly Dispatch[]> = () => Promise.resolve([]),
): Promise<HandBackResult> {
  handBack.to = to;
  handBack.isBegun = true;
  const given = scheduler.detach();
  const result = await handBack.all([...given, ...(await takeBack())], (dispatch) => scheduler.keep(dispatch));
  bus.emit('daemon.detached', { handedBack: result.handedBack, left: result.left });
  return result;
}
