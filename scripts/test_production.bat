@echo off
rem espy test --test-all, with further options as given.
if "%ESPY%"=="" set ESPY=espy
"%ESPY%" test --test-all %*
set status=%errorlevel%
pause
exit /b %status%
