<?php

// Prints its address, then answers every connection as a web server would, until it is ended.

declare(strict_types=1);

$socket = stream_socket_server('tcp://127.0.0.1:0');
echo stream_socket_get_name($socket, false), "\n";
while (($connection = @stream_socket_accept($socket, 60)) !== false) {
    fwrite($connection, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    fread($connection, 1000);
    fclose($connection);
}
