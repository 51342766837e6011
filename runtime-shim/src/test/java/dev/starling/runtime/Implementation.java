package dev.starling.runtime;

import dev.starling.runtime.oci.OciProgram;
import org.junit.jupiter.api.Assumptions;

/** Who makes the containers. What all of them do alike is tested over all of them. */
enum Implementation {
    NATIVE, CRUN, RUNC;

    /** runc takes two to six times as long: with {@code -Dstarling.runc=true}. */
    RuntimeOptions options(String cgroupParent, boolean procThroughHelper) {
        Assumptions.assumeTrue(this != RUNC || Boolean.getBoolean("starling.runc"), "the tests over runc run with -Dstarling.runc=true");
        return new RuntimeOptions(cgroupParent, procThroughHelper, this == NATIVE ? null : installed());
    }

    private OciProgram installed() {
        try {
            return OciProgram.find(OciProgram.Kind.valueOf(name()), null);
        } catch (RuntimeShimException e) {
            return Assumptions.abort(e.getMessage());
        }
    }
}
