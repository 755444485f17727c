import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;
import java.security.InvalidKeyException;
import java.security.Provider;
import java.security.Security;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.KeySpec;

import javax.crypto.SecretKey;
import javax.crypto.SecretKeyFactorySpi;
import javax.crypto.spec.PBEKeySpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * PBKDF2 with HMAC-SHA-512 by the OpenSSL of the machine, as a provider of the Java Cryptography Architecture. Opening a keystore is 210,000 rounds of
 * it, and saving one again: in a JVM that has just started and compiles no further than C1 that is more than a second, and most of what the keystore tool does.
 */
public final class OpensslPbkdf2 extends Provider {

    private static final String LIBRARY = "libcrypto.so.3";
    private static MethodHandle pbkdf2, sha512;

    public OpensslPbkdf2() {
        super("OpensslPbkdf2", "1", "PBKDF2WithHmacSHA512 by " + LIBRARY);
        put("SecretKeyFactory.PBKDF2WithHmacSHA512", Factory.class.getName());
    }

    /** @throws IllegalArgumentException where there is no such library */
    public static void install() {
        SymbolLookup library = SymbolLookup.libraryLookup(LIBRARY, Arena.global());
        Linker linker = Linker.nativeLinker();
        sha512 = linker.downcallHandle(library.find("EVP_sha512").orElseThrow(), FunctionDescriptor.of(ValueLayout.ADDRESS));
        pbkdf2 = linker.downcallHandle(
            library.find("PKCS5_PBKDF2_HMAC").orElseThrow(),
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT, ValueLayout.ADDRESS
            )
        );
        Security.insertProviderAt(new OpensslPbkdf2(), 1);
    }

    public static final class Factory extends SecretKeyFactorySpi {

        @Override
        protected SecretKey engineGenerateSecret(KeySpec spec) throws InvalidKeySpecException {
            if (spec instanceof PBEKeySpec == false) throw new InvalidKeySpecException("not a PBEKeySpec");
            PBEKeySpec key = (PBEKeySpec) spec;
            ByteBuffer phrase = StandardCharsets.UTF_8.encode(CharBuffer.wrap(key.getPassword()));
            byte[] password = new byte[phrase.remaining()];
            phrase.get(password);
            return new SecretKeySpec(derive(password, key.getSalt(), key.getIterationCount(), key.getKeyLength() / 8), "PBKDF2WithHmacSHA512");
        }

        @Override
        protected KeySpec engineGetKeySpec(SecretKey key, Class<?> kind) throws InvalidKeySpecException {
            throw new InvalidKeySpecException("only made from a PBEKeySpec");
        }

        @Override
        protected SecretKey engineTranslateKey(SecretKey key) throws InvalidKeyException {
            throw new InvalidKeyException("only made from a PBEKeySpec");
        }
    }

    private static byte[] derive(byte[] password, byte[] salt, int rounds, int length) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(length);
            int done = (int) pbkdf2.invokeExact(
                arena.allocateFrom(ValueLayout.JAVA_BYTE, password), password.length, arena.allocateFrom(ValueLayout.JAVA_BYTE, salt), salt.length,
                rounds, (MemorySegment) sha512.invokeExact(), length, out
            );
            if (done != 1) throw new IllegalStateException("PKCS5_PBKDF2_HMAC of " + LIBRARY + " failed");
            return out.toArray(ValueLayout.JAVA_BYTE);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
