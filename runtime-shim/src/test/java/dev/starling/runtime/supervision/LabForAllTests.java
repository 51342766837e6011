package dev.starling.runtime.supervision;

import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;

/** Its tests share one lab for each implementation. */
abstract class LabForAllTests {
    static Lab lab;

    @Parameter Implementation implementation;

    @BeforeParameterizedClassInvocation
    static void openLab(Implementation implementation) {
        lab = Lab.open(implementation);
    }

    @AfterParameterizedClassInvocation
    static void closeLab() {
        if (lab != null) {
            lab.close();
        }
        lab = null;
    }
}
