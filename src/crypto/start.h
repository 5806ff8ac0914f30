/* What OpenSSL offers to this process, cut down to what postern reads and writes.
 *
 * Why: OpenSSL 3.0 looks through every kind of key and every decoder it has (18 and 40) for each certificate
 * that it reads, 110 us on the machine where an RSA signature takes 260; among those kept here it is 35.
 * Gone are DSA, DH, SM2, X448, Ed448, MSBLOB and PVK, which nothing here takes. */
#ifndef CRYPTO_START_H
#define CRYPTO_START_H

/* Call first in main, before threads and before anything else uses OpenSSL. Does nothing where the machine's
 * openssl.cnf, or a library before us, has chosen providers: what an operator configured stays. */
void crypto_start(void);

#endif
