package dev.starling.runtime.image;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Pointer;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;
import jnr.ffi.types.size_t;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * SHA-256 by the machine's libcrypto (OpenSSL 3 or 1.1), where it has one; else the JDK's. Each byte of an image is hashed twice, packed and unpacked. The JDK
 * has the processor's SHA instructions in its second compiler only, which the agent runs without: there its hash is plain Java, at a tenth of the speed or
 * less, and was the larger part of a pull's time. What both say is the same; a library that fails the first test is not used.
 *
 * <p>Source: OpenSSL's EVP_DigestInit(3).
 */
final class NativeSha256 extends MessageDigest {
    private static final Logger LOG = LoggerFactory.getLogger(NativeSha256.class);
    private static final int BYTES = 32;
    private static final Cleaner CLEANER = Cleaner.create();
    private static final Supplier<MessageDigest> FASTEST = fastest();

    /** Public because JNR-FFI's generated class must see it. */
    public interface LibCrypto {
        Pointer EVP_MD_CTX_new();

        void EVP_MD_CTX_free(Pointer context);

        Pointer EVP_sha256();

        int EVP_DigestInit_ex(Pointer context, Pointer type, Pointer engine);

        int EVP_DigestUpdate(Pointer context, @In byte[] content, @size_t long count);

        int EVP_DigestFinal_ex(Pointer context, @Out byte[] digest, Pointer size);
    }

    private final LibCrypto crypto;
    private final Pointer context;

    private NativeSha256(LibCrypto crypto) {
        super("SHA-256");
        this.crypto = crypto;
        Pointer fresh = crypto.EVP_MD_CTX_new();
        if (fresh == null) {
            throw new IllegalStateException("EVP_MD_CTX_new has no memory");
        }
        this.context = fresh;
        CLEANER.register(this, () -> crypto.EVP_MD_CTX_free(fresh));
        engineReset();
    }

    static MessageDigest create() {
        return FASTEST.get();
    }

    static MessageDigest ofJdk() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException("every Java platform has SHA-256", impossible);
        }
    }

    private static Supplier<MessageDigest> fastest() {
        byte[] probe = {1, 2, 3};
        for (String library : List.of("libcrypto.so.3", "libcrypto.so.1.1")) {
            try {
                LibCrypto crypto = LibraryLoader.create(LibCrypto.class).failImmediately().load(library);
                if (Arrays.equals(new NativeSha256(crypto).digest(probe), ofJdk().digest(probe))) {
                    return () -> new NativeSha256(crypto);
                }
            } catch (UnsatisfiedLinkError | IllegalStateException unusable) {
                LOG.debug("{} is not used: {}", library, unusable.toString());
            }
        }
        LOG.info("there is no libcrypto on this machine: images are hashed by the JDK, which takes several times as long");
        return NativeSha256::ofJdk;
    }

    /** After each call: the cleaner must not free the context while the library works on it. */
    private void check(int result, String call) {
        Reference.reachabilityFence(this);
        if (result != 1) {
            throw new IllegalStateException("libcrypto: " + call + " failed");
        }
    }

    @Override
    protected int engineGetDigestLength() {
        return BYTES;
    }

    @Override
    protected void engineUpdate(byte input) {
        engineUpdate(new byte[] {input}, 0, 1);
    }

    @Override
    protected void engineUpdate(byte[] input, int offset, int length) {
        byte[] content = offset == 0 ? input : Arrays.copyOfRange(input, offset, offset + length);
        check(crypto.EVP_DigestUpdate(context, content, length), "EVP_DigestUpdate");
    }

    @Override
    protected byte[] engineDigest() {
        byte[] digest = new byte[BYTES];
        check(crypto.EVP_DigestFinal_ex(context, digest, null), "EVP_DigestFinal_ex");
        engineReset();
        return digest;
    }

    @Override
    protected void engineReset() {
        check(crypto.EVP_DigestInit_ex(context, crypto.EVP_sha256(), null), "EVP_DigestInit_ex");
    }
}
