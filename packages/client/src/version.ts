/** Of this package, as relays see it in HELLO; a test holds it against package.json. */
export const VERSION = '0.1.0';
