/**
 * The title of each refusal's code: RFC 9457 wants a summary of the kind of problem, the same each time. A code is one
 * of these, so that none is without.
 */
export const problemTitles = {
  // of input, and of HTTP's own
  BODY_INCOMPLETE: "Incomplete request body",
  HEADERS_TOO_LARGE: "Request headers too large",
  JSON_TOO_DEEP: "JSON nested too deeply",
  MALFORMED_JSON: "Malformed JSON",
  MALFORMED_PATH: "Malformed path",
  MALFORMED_REQUEST: "Malformed request",
  MALFORMED_TEXT: "Malformed text",
  METHOD_NOT_ALLOWED: "Method not allowed",
  NOT_FOUND: "Not found",
  PAYLOAD_TOO_LARGE: "Request body too large",
  REQUEST_TOO_SLOW: "Request sent too slowly",
  UNSUPPORTED_MEDIA_TYPE: "Unsupported media type",
  VALIDATION_FAILED: "Validation failed",

  // of identity and of limits
  EMAIL_TAKEN: "E-mail address already registered",
  FORBIDDEN: "Not allowed",
  INVALID_CREDENTIALS: "Wrong e-mail address or password",
  INVALID_REFRESH_TOKEN: "Invalid refresh token",
  INVALID_RESET_TOKEN: "Invalid password reset token",
  INVALID_SIGNATURE: "Invalid webhook signature",
  INVALID_TOKEN: "Invalid access token",
  LAST_ADMIN: "Last administrator",
  RATE_LIMITED: "Too many requests",
  REGISTRATION_CLOSED: "No new accounts at present",
  TOO_MANY_ADDRESSES: "Too many addresses",
  TOO_MANY_STREAMS: "Too many event streams",
  UNAUTHENTICATED: "Authentication required",
  WEAK_PASSWORD: "Password too weak",

  // of the shop
  BELOW_RESERVED: "Stock below what is reserved",
  IDEMPOTENCY_KEY_IN_FLIGHT: "Request with this idempotency key in progress",
  IDEMPOTENCY_KEY_REUSED: "Idempotency key used for another request",
  NO_RESERVATION: "No reservation for this order",
  NOT_A_DEAD_LETTER: "Not a dead letter",
  ORDER_ALREADY_PAID: "Order already paid",
  ORDER_ILLEGAL_TRANSITION: "Order status does not allow this",
  ORDER_NOT_PAYABLE: "Order cannot be paid",
  ORDER_NOT_REFUNDABLE: "Order cannot be refunded",
  ORDERS_CLOSED: "No new orders at present",
  OUT_OF_STOCK: "Out of stock",
  PAYMENT_DECLINED: "Payment declined",
  PAYMENT_NOT_REFUNDABLE: "Payment cannot be refunded",
  PAYMENT_OPEN: "Payment in progress",
  REFUND_EXCEEDS_PAYMENT: "Refund exceeds the payment",
  REFUND_ID_REUSED: "Refund ID used for another refund",
  REFUND_REFUSED: "Refund refused by the payment provider",
  RESERVATION_COMMITTED: "Reserved stock already sold",
  RESERVATION_ILLEGAL_TRANSITION: "Reservation status does not allow this",
  SKU_TAKEN: "SKU already in use",
  TOO_MUCH_STOCK: "Too much stock",
  TOTAL_TOO_LARGE: "Order total too large",
  UNKNOWN_PRODUCT: "Unknown product",

  // of the system
  INTERNAL: "Internal error",
  OVERLOADED: "Too busy",
  PAYMENT_PROVIDER_UNAVAILABLE: "Payment provider unavailable",
  SERVICE_UNAVAILABLE: "Service unavailable",
} as const satisfies Record<string, string>;

/** Stable, and in upper snake case. */
export type ProblemCode = keyof typeof problemTitles;
