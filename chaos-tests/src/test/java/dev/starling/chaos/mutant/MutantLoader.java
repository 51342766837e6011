package dev.starling.chaos.mutant;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.Type;

/** Loads all of Starling a second time, with one method replaced; libraries are shared. */
final class MutantLoader extends ClassLoader {
    private static final String OURS = "dev.starling.";
    /** Enough for every {@link Mutant.Does}. */
    private static final int STACK = 2;

    private final Mutant mutant;
    private boolean replaced;

    MutantLoader(Mutant mutant) {
        super(MutantLoader.class.getClassLoader());
        this.mutant = mutant;
    }

    /** Whether the class of the mutant was loaded, and has the method. */
    boolean hasReplaced() {
        return replaced;
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (!name.startsWith(OURS)) {
            return super.loadClass(name, resolve);
        }
        synchronized (getClassLoadingLock(name)) {
            Class<?> loaded = findLoadedClass(name);
            return loaded != null ? loaded : define(name);
        }
    }

    private Class<?> define(String name) throws ClassNotFoundException {
        try (InputStream file = getResourceAsStream(name.replace('.', '/') + ".class")) {
            if (file == null) {
                throw new ClassNotFoundException(name);
            }
            byte[] bytes = file.readAllBytes();
            byte[] used = name.equals(mutant.className()) ? changed(bytes) : bytes;
            return defineClass(name, used, 0, used.length);
        } catch (IOException e) {
            throw new ClassNotFoundException(name, e);
        }
    }

    private byte[] changed(byte[] original) {
        ClassReader reader = new ClassReader(original);
        ClassWriter writer = new ClassWriter(reader, 0);
        reader.accept(new ClassVisitor(Opcodes.ASM9, writer) {
            @Override
            public MethodVisitor visitMethod(int access, String name, String descriptor, String signature, String[] exceptions) {
                MethodVisitor code = super.visitMethod(access, name, descriptor, signature, exceptions);
                if (!name.equals(mutant.method()) || (access & Opcodes.ACC_ABSTRACT) != 0) {
                    return code;
                }
                replaced = true;
                int locals = Arrays.stream(Type.getArgumentTypes(descriptor)).mapToInt(Type::getSize).sum() + ((access & Opcodes.ACC_STATIC) == 0 ? 1 : 0);
                code.visitCode();
                mutant.instead().write(code);
                code.visitMaxs(STACK, locals);
                code.visitEnd();
                return null;
            }
        }, 0);
        return writer.toByteArray();
    }
}
