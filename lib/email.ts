/** The form in which e-mail addresses are compared and stored: one person's spellings of it give the same text. */
export const normaliseEmail = (email: string): string => email.trim().normalize("NFKC").toLowerCase();
