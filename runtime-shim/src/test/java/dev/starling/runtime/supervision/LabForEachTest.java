package dev.starling.runtime.supervision;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.Parameter;

/** Each of its tests has a lab of its own. */
abstract class LabForEachTest {
    Lab lab;

    @Parameter Implementation implementation;

    @BeforeEach
    void openLab() {
        lab = Lab.open(implementation);
    }

    @AfterEach
    void closeLab() {
        if (lab != null) {
            lab.close();
        }
    }
}
