/** Derives keys by the machine's OpenSSL where the JDK (22 or later) and the machine can; with the JDK's own code, and slower, elsewhere. */
final class FasterKeys {

    private FasterKeys() {}

    static void install() {
        try {
            Class.forName("OpensslPbkdf2").getMethod("install").invoke(null);
        } catch (ReflectiveOperationException | LinkageError e) {
            // no such class: built by an older JDK; or the library is another one here
        }
    }
}
