<?php

// As Composer's autoloader would, so that these tests need nothing but PHPUnit.
spl_autoload_register(function (string $class): void {
    $file = __DIR__ . '/../src/' . str_replace(['Portraitd\\Testing\\', '\\'], ['', '/'], $class) . '.php';
    if (is_file($file)) {
        require $file;
    }
});
