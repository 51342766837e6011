package dev.starling.chaos.mutant;

import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/**
 * A rule of the product, broken: a method that does nothing, or always gives the same answer. The product has no switch for it; the class file is changed
 * while it is loaded ({@link MutantLoader}).
 *
 * @param type   below {@code dev.starling}, e.g. {@code scheduler.Fencing}
 * @param method all of that name
 * @param seed   a run that has caught it; where to begin, so that it takes no longer than it has to
 */
record Mutant(String type, String method, Does instead, long seed) {
    enum Does {
        NOTHING {
            @Override
            void write(MethodVisitor code) {
                code.visitInsn(Opcodes.RETURN);
            }
        },
        TRUE {
            @Override
            void write(MethodVisitor code) {
                code.visitInsn(Opcodes.ICONST_1);
                code.visitInsn(Opcodes.IRETURN);
            }
        },
        /** For an int this is 0. */
        FALSE {
            @Override
            void write(MethodVisitor code) {
                code.visitInsn(Opcodes.ICONST_0);
                code.visitInsn(Opcodes.IRETURN);
            }
        },
        EMPTY {
            @Override
            void write(MethodVisitor code) {
                code.visitMethodInsn(Opcodes.INVOKESTATIC, "java/util/Optional", "empty", "()Ljava/util/Optional;", false);
                code.visitInsn(Opcodes.ARETURN);
            }
        },
        /** Of a static method: its first argument, a long. */
        FIRST_NUMBER {
            @Override
            void write(MethodVisitor code) {
                code.visitVarInsn(Opcodes.LLOAD, 0);
                code.visitInsn(Opcodes.LRETURN);
            }
        };

        abstract void write(MethodVisitor code);
    }

    String className() {
        return "dev.starling." + type;
    }

    @Override
    public String toString() {
        return type.substring(type.lastIndexOf('.') + 1) + "." + method + " does " + instead;
    }
}
