import type { Clock, NewId } from "../../lib/ids.ts";
import type { Payment } from "./payment.ts";
import type { PaymentsRepository } from "./payments.repository.ts";
import type { ProviderEventsRepository } from "./provider-events.repository.ts";
import type { Providers } from "./providers/providers.ts";
import type { RefundsRepository } from "./refunds.repository.ts";

type Write = (event: string, fields: object) => void;

/** What the use cases of this service work with. */
export interface Deps {
  payments: PaymentsRepository;
  refunds: RefundsRepository;
  events: ProviderEventsRepository;
  providers: Providers;
  newId: NewId;
  now: Clock;
  /** Runs `work` as a part of the trace of the request that began the payment, where there is one. */
  continuing<T>(payment: Payment | undefined, name: string, work: () => Promise<T>): Promise<T>;
  log: { info: Write; warn: Write; error: Write };
}
