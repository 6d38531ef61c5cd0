package portraitd.testing;

import java.lang.reflect.AnnotatedElement;
import java.util.Optional;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ExtensionContext.Store.CloseableResource;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Resolves parameters of the types {@link App} and {@link Emulator}. The emulator is one for all tests of a JVM and ends with
 * them. A test and its {@code @BeforeEach} share an app that is deleted after the test; a constructor's and
 * {@code @BeforeAll}'s app is the class's.
 */
public final class PortraitdExtension implements ParameterResolver {
    private static final Namespace NAMESPACE = Namespace.create(PortraitdExtension.class);

    /** Ends the emulator when the last test has ended. */
    private record Running(Emulator emulator) implements CloseableResource {
        @Override
        public void close() {
            emulator.close();
        }
    }

    /** Deletes the app when its test has ended, and shows the calls that were refused if the test failed. */
    private record Made(App app, ExtensionContext test) implements CloseableResource {
        @Override
        public void close() {
            if (test.getExecutionException().isPresent()) {
                app.requests().stream().filter(call -> !Integer.valueOf(0).equals(call.code())).forEach(call ->
                        System.err.println("portraitd refused " + call.path() + ": " + call.code() + " " + call.detail()));
            }
            app.delete();
        }
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext test) {
        Class<?> type = parameter.getParameter().getType();
        return type == App.class || type == Emulator.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext test) {
        Emulator emulator = test.getRoot().getStore(NAMESPACE)
                .getOrComputeIfAbsent(Running.class, key -> new Running(Emulator.start()), Running.class).emulator();
        if (parameter.getParameter().getType() == Emulator.class) {
            return emulator;
        }
        // The context's own id is the key: a test must not find the app of its class in the parent's store.
        return test.getStore(NAMESPACE)
                .getOrComputeIfAbsent(test.getUniqueId(), key -> new Made(make(emulator, test), test), Made.class).app();
    }

    private static App make(Emulator emulator, ExtensionContext test) {
        Optional<Portraitd> how = test.getTestMethod().map(PortraitdExtension::annotation);
        how = how.or(() -> test.getTestClass().map(PortraitdExtension::annotation));
        return emulator.createApp(how.map(Portraitd::empty).orElse(false), how.map(Portraitd::webhook).orElse(false));
    }

    private static Portraitd annotation(AnnotatedElement element) {
        return element.getAnnotation(Portraitd.class);
    }
}
