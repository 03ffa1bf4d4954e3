/** In the place of Node's `crypto`, which nothing here asks for: WebCrypto is there. */
export {};
