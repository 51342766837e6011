package dev.starling.runtime.supervision;

import dev.starling.runtime.RuntimeOptions;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.UserNamespace;
import dev.starling.runtime.oci.OciProgram;
import org.junit.jupiter.api.Assumptions;

/** Who makes the containers. What all of them do alike is tested over all of them. */
enum Implementation {
    NATIVE, CRUN, CRUN_MAPPED, RUNC;

    /** Of CRUN_MAPPED: users whom nobody is. */
    static final UserNamespace MAPPING = new UserNamespace(1_500_000, 65_536);

    /** runc takes two to six times as long: with {@code -Dstarling.runc=true}. */
    RuntimeOptions options(String cgroupParent, boolean procThroughHelper) {
        Assumptions.assumeTrue(this != RUNC || Boolean.getBoolean("starling.runc"), "the tests over runc run with -Dstarling.runc=true");
        return new RuntimeOptions(cgroupParent, procThroughHelper, this == NATIVE ? null : installed(), this == CRUN_MAPPED ? MAPPING : null, 0);
    }

    private OciProgram installed() {
        try {
            return OciProgram.find(this == RUNC ? OciProgram.Kind.RUNC : OciProgram.Kind.CRUN, null);
        } catch (RuntimeShimException e) {
            return Assumptions.abort(e.getMessage());
        }
    }
}
