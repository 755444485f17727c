/** A JDK (with javac) of this machine. */
export interface Jdk {
  home: string;
  /** 17, 21, 25… */
  major: number;
  /** has the module jdk.jdi, which some trimmed JDKs lack */
  hasJdi: boolean;
}

/** The JDKs of this machine, newest first: JAVA_HOME's, those below /usr/lib/jvm, and the one that PATH's javac belongs to. */
export declare function findJdks(): Jdk[];
