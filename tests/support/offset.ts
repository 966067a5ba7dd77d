/** What every offset looks like on the wire: what clients may not know, and other servers don't do. */
export const OFFSET = /^[0-9a-z]{8}-\d{16}$/;
